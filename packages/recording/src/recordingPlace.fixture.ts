import { folderStore } from '@plumbline/storage';
import { temporaryFolder, testDatabase } from '@plumbline/testing';
import { loadRecordingKeys } from './keys.ts';

/** Where a test's recordings live: a database, an object store and keys of its own, until `remove`. */
export async function recordingPlace() {
  const database = await testDatabase();
  const folder = await temporaryFolder();
  return {
    database,
    folder,
    store: folderStore(`${folder.path}/store`),
    keys: await loadRecordingKeys(`${folder.path}/keys`),
    remove: async () => {
      await database.drop();
      await folder.remove();
    },
  };
}
