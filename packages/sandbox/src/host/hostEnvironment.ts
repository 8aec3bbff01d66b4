/**
 * This process's variables, for the programs that it starts: the proxy, certificates, the path. Settings of Plumbline
 * come from @plumbline/config and are never read here.
 */
export function hostEnvironment(): Readonly<NodeJS.ProcessEnv> {
  // biome-ignore lint/style/noProcessEnv: what is passed on is the host's own, of which no settings file knows.
  return process.env;
}

/** Variables of this process that a runner needs; it is given nothing else, above all no database and no keys. */
const PASSED_TO_RUNNERS =
  /^(PATH|HOME|LANG|LC_.*|TZ|TMPDIR|NODE_ENV|NODE_COMPILE_CACHE|LOG_LEVEL|XDG_RUNTIME_DIR|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO|PIP_.*|.*_(PROXY|proxy))$/;

/** What of this process's environment reaches a runner. */
export function runnerEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(hostEnvironment()).filter(([name]) => PASSED_TO_RUNNERS.test(name)));
}
