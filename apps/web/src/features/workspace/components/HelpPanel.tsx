'use client';
import { StaffMessages } from './StaffMessages.tsx';

/** Problems that the participant reports, what the staff answers, and where more is written. */
export function HelpPanel() {
  return (
    <div className="flex h-full flex-col gap-3 overflow-auto p-3" data-testid="help-panel">
      <StaffMessages
        label="Report a problem"
        placeholder="What does not work, or what is unclear? The staff sees it at once. The clock goes on; pause if it blocks you."
      />
      <ul className="space-y-1 border-t border-border pt-3 text-xs">
        {[
          { href: '/help#recorded', label: 'What is recorded' },
          { href: '/help#keys', label: 'All keys of the workspace' },
          { href: '/help#app', label: 'The workspace in a window of its own, as an app' },
          { href: '/help', label: 'Questions that others had' },
        ].map(({ href, label }) => (
          <li key={href}>
            <a href={href} target="_blank" rel="noopener" className="text-accent underline underline-offset-2">
              {label}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
