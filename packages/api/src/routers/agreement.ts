import { answerAgreement, findAgreement, writeAgreement } from '@plumbline/database/agreements';
import { AgreementText, ConsentAnswers } from '@plumbline/protocol';
import { z } from 'zod';
import { authorised, authorisedOnAttempt, router } from '../procedure.ts';
import { environmentSettings, participantLabel } from '../views/attemptView.ts';

/** What participants of a study agree to, and what each of them answered. */
export const agreementRouter = router({
  /** The version that an attempt is asked about, with its participant's newest answers. */
  ofAttempt: authorisedOnAttempt('attempt.read').query(async ({ ctx, input }) => {
    const { version, answers, hold } = await findAgreement(ctx.db, input.attemptId);
    return {
      version: version && {
        versionId: version.id,
        n: version.n,
        text: version.text,
        hash: version.hash,
        contact: version.contact,
        withdrawUntil: version.withdrawUntil,
        isOpen: ctx.clock.nowMs() < version.withdrawUntil.getTime(),
      },
      answers: answers && { versionN: answers.versionN, consents: answers.consents, at: answers.at, isConfirmed: answers.isConfirmed },
      hold,
    };
  }),

  /** One's own answers; giving others later adds to them. */
  answer: authorisedOnAttempt('attempt.consent')
    .input(z.object({ versionId: z.uuid(), consents: ConsentAnswers }))
    .mutation(({ ctx, input: { attemptId, ...given } }) => answerAgreement(ctx.db, attemptId, given)),

  /** Studies with all versions of their agreements, newest first, and the answers that each was given, oldest first. */
  list: authorised('agreement.read').query(async ({ ctx }) => {
    const studies = await ctx.db.prisma.study.findMany({
      include: {
        agreements: {
          orderBy: { n: 'desc' },
          include: {
            answers: {
              orderBy: [{ at: 'asc' }, { attemptId: 'asc' }],
              include: {
                attempt: { include: { assignment: { include: { environment: true, participant: { include: { user: true } } } } } },
              },
            },
          },
        },
      },
      orderBy: { createdAt: 'asc' },
    });
    const writers = studies.flatMap(({ agreements }) => agreements.flatMap(({ writtenBy }) => writtenBy ?? []));
    const users = await ctx.db.prisma.user.findMany({ where: { id: { in: writers } }, select: { id: true, name: true } });
    const names = new Map(users.map(({ id, name }) => [id, name]));
    const standing = new Map<string, number>();
    for (const { attemptId, n } of studies.flatMap(({ agreements }) => agreements.flatMap(({ answers }) => answers)))
      standing.set(attemptId, Math.max(n, standing.get(attemptId) ?? 0));
    return studies.map((study) => ({
      studyId: study.id,
      name: study.name,
      versions: study.agreements.map(({ id, n, text, hash, contact, withdrawUntil, writtenAt, writtenBy, answers }) => ({
        versionId: id,
        n,
        text,
        hash,
        contact,
        withdrawUntil,
        writtenAt,
        writtenBy: writtenBy && (names.get(writtenBy) ?? null),
        answers: answers.map(({ attempt, at, n: answerN, attemptId, versionId, ...consents }) => ({
          attemptId,
          n: answerN,
          at,
          participant: participantLabel(attempt.assignment.participant, ctx.actor),
          title: environmentSettings(attempt.assignment.environment).title,
          consents,
          /** False once others were given for the attempt. */
          stands: standing.get(attemptId) === answerN,
        })),
      })),
    }));
  }),

  /** A new version of a study's agreement: whoever has not started is asked anew. */
  write: authorised('agreement.write')
    .input(AgreementText.extend({ studyId: z.uuid() }))
    .mutation(({ ctx, input: { studyId, ...given } }) => writeAgreement(ctx.db, studyId, given, { by: ctx.actor.userId })),
});
