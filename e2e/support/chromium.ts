import { type Browser, chromium } from '@playwright/test';

/** The Chromium of this machine, for what measures or pictures pages outside of the test runner. */
export function launchChromium(...args: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    // Chromium's own sandbox refuses to run as root, as in most CI containers.
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', ...args],
  });
}
