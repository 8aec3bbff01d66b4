/** Where to go after signing in: a path of this site, whatever the query says. */
export function returnPath(from: string | undefined): string {
  if (!from?.startsWith('/') || from.startsWith('//') || from.includes('\\')) return '/';
  return from.startsWith('/sign-in') || from.startsWith('/setup') || from.startsWith('/api/') ? '/' : from;
}
