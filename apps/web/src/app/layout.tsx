import '@plumbline/ui/fonts';
import './globals.css';
import type { Metadata, Viewport } from 'next';
import { cookies } from 'next/headers';
import type { ReactNode } from 'react';
import { Providers } from '@/features/shell/components/Providers.tsx';
import { readTheme, readZone } from '@/features/shell/server/preferences.ts';

export const metadata: Metadata = {
  title: { default: 'Plumbline', template: '%s · Plumbline' },
  description: 'Timed attempts by human experts on the environments that AI agents run on.',
  icons: { icon: '/favicon.svg' },
  robots: { index: false, follow: false },
};

export const viewport: Viewport = { colorScheme: 'light dark', width: 'device-width', initialScale: 1 };

export default async function RootLayout({ children }: { children: ReactNode }) {
  const jar = await cookies();
  const theme = readTheme(jar.get('plumbline-theme')?.value);
  const zone = readZone(jar.get('plumbline-zone')?.value);
  return (
    <html lang="en" className={theme === 'system' ? undefined : theme}>
      <body className="bg-background font-sans text-foreground antialiased">
        <Providers theme={theme} zone={zone}>
          {children}
        </Providers>
      </body>
    </html>
  );
}
