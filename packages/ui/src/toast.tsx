'use client';
import { Toaster as Sonner } from 'sonner';
import { useTheme } from './theme.tsx';

export { toast } from 'sonner';

export function Toaster() {
  const { resolved } = useTheme();
  return (
    <Sonner
      theme={resolved}
      position="bottom-right"
      closeButton
      toastOptions={{
        classNames: { toast: 'font-sans! text-sm! bg-surface-raised! text-foreground! border-border!', description: 'text-muted!' },
      }}
    />
  );
}
