'use client';
import { type Theme, ThemeProvider, Toaster, TooltipProvider, ZoneProvider } from '@plumbline/ui';
import type { ReactNode } from 'react';
import { RpcProvider } from '@/features/rpc/components/RpcProvider.tsx';

export function Providers({ theme, zone, children }: { theme: Theme; zone: string; children: ReactNode }) {
  return (
    <ThemeProvider initial={theme}>
      <ZoneProvider initial={zone}>
        <RpcProvider>
          <TooltipProvider delayDuration={400}>{children}</TooltipProvider>
          <Toaster />
        </RpcProvider>
      </ZoneProvider>
    </ThemeProvider>
  );
}
