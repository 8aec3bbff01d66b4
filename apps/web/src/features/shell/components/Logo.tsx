/** The mark: a bar, a line and the weight that makes it true. It takes the accent colour of where it stands. */
export function Logo({ className = 'size-5' }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden="true" fill="none" stroke="currentColor">
      <path d="M6 4h20" strokeWidth="3" strokeLinecap="round" />
      <path d="M16 4v13" strokeWidth="2" />
      <path d="M10.5 17h11L16 29z" fill="currentColor" strokeWidth="1.5" strokeLinejoin="round" />
    </svg>
  );
}
