import { createDatabase } from '@plumbline/database';
import type { AttemptRow, ScoreTableRow } from '@plumbline/datasets';
import { ExportedFolder } from '../support/exportedFolder.ts';
import { expect, test } from '../support/fixtures.ts';
import { plumb } from '../support/plumb.ts';
import { expectSameResult, readResultPage } from '../support/resultPage.ts';
import { People } from '../support/workspacePage.ts';

test('every row of an export says what the page of its attempt says', async ({ page, platform }) => {
  const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
  const demo = { state: 'completed' as const, assignment: { participant: { userId: null }, environment: { family: 'practice' } } };
  const { id } = await db.prisma.attempt.findFirstOrThrow({ where: demo, orderBy: { createdAt: 'asc' } });
  await db.close();
  await new People(page).signIn('researcher@demo.plumbline.local', platform.demoPassword);
  await page.goto(`/attempts/${id}`);
  const shown = await readResultPage(page);
  expect(shown.clock.length).toBeGreaterThan(3);
  const folder = await ExportedFolder.build(page, id, test.info().outputPath('export'));
  const ofIt = (row: { attempt: unknown }) => row.attempt === id;
  const attempt = folder.attempts.find(ofIt) as AttemptRow;
  const [first, ...scores] = folder.scores.filter(ofIt) as [ScoreTableRow, ...ScoreTableRow[]];
  expectSameResult(shown, attempt, [first, ...scores]);
  // A row that says anything else is seen.
  for (const other of [{ score: 1.5 }, { normalised: 0.77 }, { elapsed_ms: 9e6 }, { counts: true }])
    expect(() => expectSameResult(shown, attempt, [{ ...first, ...other }, ...scores])).toThrow();
  for (const other of [{ pauses: 9 }, { paused_ms: 1 }, { outages: 9 }, { outage_ms: 99_999 }, { credit_ms: 5 }, { elapsed_ms: 1 }])
    expect(() => expectSameResult(shown, { ...attempt, ...other }, [first, ...scores])).toThrow();
  folder.expectSums();
  const verified = await plumb(platform, 'verify', folder.root);
  expect(verified, verified.output).toMatchObject({ code: 0 });
});
