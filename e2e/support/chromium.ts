import { type Browser, chromium, type LaunchOptions } from '@playwright/test';

/** The Chromium of this machine, for what measures or pictures pages outside of the test runner. */
export function launchChromium(...args: string[]): Promise<Browser> {
  return chromium.launch(chromiumOptions(...args));
}

/** How it is started. */
export function chromiumOptions(...args: string[]): LaunchOptions {
  return {
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    // Chromium's own sandbox refuses to run as root, as in most CI containers.
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', ...args],
  };
}
