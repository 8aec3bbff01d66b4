'use client';

/** The last resort, when not even the layout could be drawn: no styles of ours can be counted on. */
export default function GlobalError({ reset }: { error: Error; reset: () => void }) {
  return (
    <html lang="en">
      <body
        style={{
          fontFamily: 'system-ui, sans-serif',
          maxWidth: '36rem',
          margin: '4rem auto',
          padding: '0 1.5rem',
          colorScheme: 'light dark',
        }}
      >
        <h1 style={{ fontSize: '1.25rem' }}>Plumbline could not be shown</h1>
        <p>The platform had an error. A running attempt is not touched by it: its sandbox, its clock and its recording go on.</p>
        <button type="button" onClick={reset}>
          Try again
        </button>
      </body>
    </html>
  );
}
