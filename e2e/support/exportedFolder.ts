import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { expect, type Page } from '@playwright/test';
import type { AttemptRow, ScoreTableRow } from '@plumbline/datasets';

/** What stands beside the sums and is not summed itself. */
const UNSUMMED = ['SHA256SUMS', 'SHA256SUMS.sig'];

/** An export as a researcher has it who built it on the page, downloaded it and unpacked it. */
export class ExportedFolder {
  readonly root: string;
  /** Of all files, from the root. */
  readonly paths: string[];

  private constructor(dir: string) {
    const files = readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    this.root = dirname(files.find((path) => basename(path) === 'SHA256SUMS') ?? dir);
    this.paths = files.map((path) => relative(this.root, path));
  }

  /** Exports one attempt, and unpacks it into a new folder. */
  static async build(page: Page, attemptId: string, dir: string): Promise<ExportedFolder> {
    await page.goto('/exports');
    await page.waitForLoadState('networkidle');
    const downloads = page.getByRole('link', { name: 'Download' });
    const built = await downloads.count();
    await page.locator(`[id="choose-${attemptId}"]`).check();
    await page
      .getByRole('button', { name: /build|export/i })
      .first()
      .click();
    await expect(downloads).toHaveCount(built + 1, { timeout: 120_000 });
    const download = page.waitForEvent('download');
    // The newest stands first.
    await downloads.first().click();
    mkdirSync(dir, { recursive: true });
    execFileSync('tar', ['-xf', await (await download).path(), '-C', dir]);
    return new ExportedFolder(dir);
  }

  get attempts(): AttemptRow[] {
    return this.#rows('attempts.jsonl');
  }

  get scores(): ScoreTableRow[] {
    return this.#rows('scores.jsonl');
  }

  /** Every file has the sum that is said of it, and every file but the sums themselves has one. */
  expectSums(): void {
    const stated = Object.fromEntries(
      readFileSync(join(this.root, 'SHA256SUMS'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/).toReversed()),
    );
    const summed = this.paths.filter((path) => !UNSUMMED.includes(path));
    const sumOf = (path: string) =>
      createHash('sha256')
        .update(readFileSync(join(this.root, path)))
        .digest('hex');
    expect(stated).toEqual(Object.fromEntries(summed.map((path) => [path, sumOf(path)])));
  }

  #rows<T>(name: string): T[] {
    return readFileSync(join(this.root, name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as T);
  }
}
