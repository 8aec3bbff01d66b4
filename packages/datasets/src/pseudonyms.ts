import { createHash, createHmac } from 'node:crypto';

/**
 * Names for the people of one export: the same person has one name in it, the same export has the same names again, and
 * another export has others. They cannot be turned back without the participants' ids, which are released nowhere.
 */
export function pseudonymsOf(attemptIds: readonly string[], participantIds: readonly string[]): Map<string, string> {
  const seed = createHash('sha256')
    .update([...attemptIds].sort().join('\n'))
    .digest();
  const keyed = [...new Set(participantIds)].map((id) => ({ id, key: createHmac('sha256', seed).update(id).digest('hex') }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  const digits = String(keyed.length).length;
  return new Map(keyed.map(({ id }, i) => [id, `P${String(i + 1).padStart(digits, '0')}`]));
}
