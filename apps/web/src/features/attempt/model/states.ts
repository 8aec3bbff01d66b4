/** In these an attempt's page is its participant's lobby. */
export const STATES_BEFORE_THE_END: ReadonlySet<string> = new Set(['scheduled', 'provisioning', 'ready', 'running', 'paused']);
