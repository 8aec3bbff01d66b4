/**
 * This process's variables, for the programs that it starts: the proxy, certificates, the path. Settings of Plumbline
 * come from @plumbline/config and are never read here.
 */
export function hostEnvironment(): Readonly<NodeJS.ProcessEnv> {
  // biome-ignore lint/style/noProcessEnv: what is passed on is the host's own, of which no settings file knows.
  return process.env;
}
