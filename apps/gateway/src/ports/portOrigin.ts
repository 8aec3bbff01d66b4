/** The random part of a port's host name: 128 bits. */
const LABEL = /^[0-9a-f]{32}$/;

/** The host names of ports: one origin for each, below a wildcard host of the settings. */
export class PortOrigin {
  readonly #scheme: string;
  /** What follows the label, with its dot and its port: `.localhost:4801`. */
  readonly #rest: string;

  /** @param portsUrl `http://*.localhost:4801`. */
  constructor(portsUrl: string) {
    const [scheme = '', host = ''] = portsUrl.split('://');
    this.#scheme = scheme;
    this.#rest = host.slice(1);
  }

  get isSecure(): boolean {
    return this.#scheme === 'https';
  }

  /** Over https the browser itself refuses this name from any other host. */
  get cookieName(): string {
    return this.isSecure ? '__Host-plumbline-port' : 'plumbline-port';
  }

  of(label: string): string {
    return `${this.#scheme}://${label}${this.#rest}`;
  }

  /** Whether a Host header names something below the wildcard host, a port that exists or not. */
  owns(host: string | undefined): boolean {
    return host?.toLowerCase().endsWith(this.#rest) === true;
  }

  labelOf(host: string): string | null {
    if (!this.owns(host)) return null;
    const label = host.slice(0, -this.#rest.length).toLowerCase();
    return LABEL.test(label) ? label : null;
  }
}
