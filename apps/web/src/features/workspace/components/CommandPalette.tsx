'use client';
import { CommandDialog, CommandGroup, CommandItem, Kbd } from '@plumbline/ui';
import type { Command } from '../model/commands.ts';

/** Ctrl-Shift-P: everything that the workspace can do, by name, with its keys. */
export function CommandPalette({
  open,
  onOpenChange,
  commands,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  commands: Command[];
}) {
  return (
    <CommandDialog open={open} onOpenChange={onOpenChange} label="Commands" placeholder="What would you like to do?">
      <CommandGroup heading="Commands">
        {commands
          .filter(({ id }) => id !== 'palette')
          .map(({ id, title, keys, run }) => (
            <CommandItem
              key={id}
              value={title}
              data-testid={`command-${id}`}
              onSelect={() => {
                onOpenChange(false);
                run();
              }}
            >
              <span className="flex-1">{title}</span>
              {keys ? (
                <span className="flex gap-1">
                  {keys.map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                  ))}
                </span>
              ) : null}
            </CommandItem>
          ))}
      </CommandGroup>
    </CommandDialog>
  );
}
