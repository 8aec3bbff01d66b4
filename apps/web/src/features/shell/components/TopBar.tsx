'use client';
import {
  Button,
  cn,
  Menu,
  MenuContent,
  MenuItem,
  MenuLabel,
  MenuRadioGroup,
  MenuRadioItem,
  MenuSeparator,
  MenuTrigger,
  type Theme,
  toast,
  useTheme,
} from '@plumbline/ui';
import { LogOut, Monitor, Moon, Sun, UserRound } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { signOut } from '@/features/session/model/authClient.ts';
import { Logo } from './Logo.tsx';

const THEME_CHOICES = [
  { value: 'system', label: 'As the system', icon: Monitor },
  { value: 'light', label: 'Light', icon: Sun },
  { value: 'dark', label: 'Dark', icon: Moon },
] as const;

/** The bar over every page but the sign-in: where one is, where one may go, and who one is. */
export function TopBar({ pages, user }: { pages: { href: string; label: string }[]; user: { name: string; email: string; role: string } }) {
  const path = usePathname();
  return (
    <header className="flex h-10 shrink-0 items-center gap-4 border-b border-border bg-surface px-4">
      <Link href="/" className="flex items-center gap-2 text-sm font-semibold tracking-tight">
        <Logo className="size-5 text-accent" />
        Plumbline
      </Link>
      <nav aria-label="Main" className="flex h-full min-w-0 flex-1 items-stretch gap-1 overflow-x-auto">
        {pages.map((page) => {
          const current = page.href === '/' ? path === '/' : path.startsWith(page.href);
          return (
            <Link
              key={page.href}
              href={page.href}
              aria-current={current ? 'page' : undefined}
              className={cn(
                'flex items-center border-y-2 border-transparent px-2 text-sm whitespace-nowrap text-muted hover:text-foreground focus-visible:-outline-offset-2',
                current && 'border-b-accent text-foreground',
              )}
            >
              {page.label}
            </Link>
          );
        })}
      </nav>
      <AccountMenu user={user} />
    </header>
  );
}

function AccountMenu({ user }: { user: { name: string; email: string; role: string } }) {
  const { theme, setTheme } = useTheme();

  async function leave() {
    try {
      await signOut();
      window.location.assign('/sign-in');
    } catch {
      toast.error('You are still signed in: the platform did not answer. Try again.');
    }
  }

  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="ghost" size="sm" aria-label={`Account of ${user.name}`}>
          <UserRound />
          <span className="max-w-40 truncate">{user.name}</span>
        </Button>
      </MenuTrigger>
      <MenuContent className="w-56">
        <MenuLabel>
          <span className="block truncate text-foreground">{user.email}</span>
          <span className="capitalize">{user.role}</span>
        </MenuLabel>
        <MenuSeparator />
        <MenuLabel>Theme</MenuLabel>
        <MenuRadioGroup value={theme} onValueChange={(value) => setTheme(value as Theme)}>
          {THEME_CHOICES.map(({ value, label, icon: Icon }) => (
            <MenuRadioItem key={value} value={value}>
              <Icon />
              {label}
            </MenuRadioItem>
          ))}
        </MenuRadioGroup>
        <MenuSeparator />
        <MenuItem onSelect={() => void leave()}>
          <LogOut />
          Sign out
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
