import { join } from 'node:path';
import type { Database } from '@plumbline/database';
import { loadRecordingKeys, type RecordingKeys } from '@plumbline/recording';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import { type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import { exportAttempts } from './exportAttempts.ts';
import type { Platform } from './finishedAttempt.fixture.ts';

/** For tests: an installation of their own, and the folders that are exported from it. */
export class ExportRig implements Platform {
  readonly db: Database;
  readonly store: ObjectStore;
  readonly keys: RecordingKeys;
  /** Everything of it on disk lies below this. */
  readonly path: string;
  readonly #database: TestDatabase;
  readonly #folder: TemporaryFolder;

  private constructor(database: TestDatabase, folder: TemporaryFolder, keys: RecordingKeys) {
    this.#database = database;
    this.#folder = folder;
    this.db = database.db;
    this.path = folder.path;
    this.store = folderStore(join(folder.path, 'store'));
    this.keys = keys;
  }

  static async open(): Promise<ExportRig> {
    const folder = await temporaryFolder();
    return new ExportRig(await testDatabase(), folder, await loadRecordingKeys(join(folder.path, 'keys')));
  }

  /** Exports attempts into a folder of this name, and gives its path. */
  async exported(name: string, attemptIds: string[]): Promise<string> {
    const dir = join(this.path, name);
    await exportAttempts({ db: this.db, store: this.store, keys: this.keys, attemptIds }, dir);
    return dir;
  }

  async close(): Promise<void> {
    await this.#database.drop();
    await this.#folder.remove();
  }
}
