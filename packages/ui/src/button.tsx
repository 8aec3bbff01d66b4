import { cva, type VariantProps } from 'class-variance-authority';
import { Slot } from 'radix-ui';
import type { ComponentProps } from 'react';
import { cn } from './cn.tsx';
import { PressableButton } from './pressableButton.tsx';

export const buttonVariants = cva(
  'inline-flex shrink-0 items-center justify-center gap-2 rounded-md font-medium whitespace-nowrap transition-colors disabled:cursor-not-allowed disabled:opacity-55 [&_svg]:size-4 [&_svg]:shrink-0',
  {
    variants: {
      variant: {
        primary: 'bg-accent text-accent-foreground hover:not-disabled:bg-accent-hover',
        secondary: 'border border-border bg-surface text-foreground hover:not-disabled:bg-hover',
        ghost: 'text-foreground hover:not-disabled:bg-hover',
        danger: 'bg-danger text-danger-foreground hover:not-disabled:opacity-90',
        link: 'h-auto px-0 text-accent underline-offset-4 hover:not-disabled:underline',
      },
      size: {
        sm: 'h-7 px-2 text-xs',
        md: 'h-8 px-3 text-sm',
        lg: 'h-10 px-4 text-sm',
        icon: 'size-8',
        'icon-sm': 'size-6',
      },
    },
    defaultVariants: { variant: 'secondary', size: 'md' },
  },
);

export interface ButtonProps extends ComponentProps<'button'>, VariantProps<typeof buttonVariants> {
  /** Renders the child (a link, say) with the button's look. */
  asChild?: boolean;
  /** Disables the button and shows these words in place of its label while something runs. */
  busy?: string | false | undefined;
}

export function Button({ className, variant, size, asChild, busy, children, disabled, type, ...props }: ButtonProps) {
  const classes = cn(buttonVariants({ variant, size }), className);
  if (asChild) {
    return (
      <Slot.Root className={classes} {...props}>
        {children}
      </Slot.Root>
    );
  }
  return (
    <PressableButton
      type={type ?? 'button'}
      className={classes}
      disabled={disabled || Boolean(busy)}
      aria-busy={busy ? true : undefined}
      {...props}
    >
      {busy ? (
        <>
          <span aria-hidden className="size-3 animate-spin rounded-full border-2 border-current border-r-transparent" />
          {busy}
        </>
      ) : (
        children
      )}
    </PressableButton>
  );
}
