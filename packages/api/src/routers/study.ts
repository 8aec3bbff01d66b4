import { AppError, scaleEnds } from '@plumbline/core';
import { assign } from '@plumbline/database/assignments';
import { z } from 'zod';
import { authorised, router } from '../procedure.ts';
import { environmentSettings, participantLabel } from '../views/attemptView.ts';

/** Studies, their environments, and who works on what. */
export const studyRouter = router({
  list: authorised('study.read').query(async ({ ctx }) => {
    const studies = await ctx.db.prisma.study.findMany({
      include: { environments: { include: { environment: true } }, _count: { select: { assignments: true } } },
      orderBy: { createdAt: 'asc' },
    });
    return studies.map((study) => ({
      studyId: study.id,
      name: study.name,
      kind: study.kind,
      limitMs: study.limitMs,
      aiToolLevel: study.aiToolLevel,
      payCents: study.payCents,
      currency: study.currency,
      frozenAt: study.frozenAt,
      assignments: study._count.assignments,
      environments: study.environments.map(({ environment }) => ({
        environmentId: environment.id,
        title: environmentSettings(environment).title,
      })),
    }));
  }),

  environments: authorised('environment.read').query(async ({ ctx }) => {
    const environments = await ctx.db.prisma.environment.findMany({
      include: { _count: { select: { assignments: true, studies: true } } },
      orderBy: [{ family: 'asc' }, { task: 'asc' }, { createdAt: 'desc' }],
    });
    return environments.map((environment) => {
      const settings = environmentSettings(environment);
      return {
        environmentId: environment.id,
        title: settings.title,
        family: environment.family,
        task: environment.task,
        version: environment.version,
        contentHash: environment.contentHash,
        direction: settings.direction,
        aggregation: settings.aggregation,
        scoreUnit: settings.scoreUnit,
        scoreVisible: settings.scoreVisible,
        scale: scaleEnds(settings),
        resources: settings.resources,
        studies: environment._count.studies,
        assignments: environment._count.assignments,
        createdAt: environment.createdAt,
      };
    });
  }),

  assignments: authorised('assignment.read').query(async ({ ctx }) => {
    const assignments = await ctx.db.prisma.assignment.findMany({
      include: { study: true, environment: true, participant: { include: { user: true } }, attempt: { select: { id: true, state: true } } },
      orderBy: { createdAt: 'desc' },
    });
    return assignments.map((assignment) => ({
      assignmentId: assignment.id,
      study: assignment.study.name,
      title: environmentSettings(assignment.environment).title,
      participant: participantLabel(assignment.participant, ctx.actor),
      opensAt: assignment.opensAt,
      closesAt: assignment.closesAt,
      attempt: assignment.attempt ? { attemptId: assignment.attempt.id, state: assignment.attempt.state } : null,
    }));
  }),

  /** Asks a person to work on an environment of a study: once per person and environment. */
  assign: authorised('assignment.write')
    .input(
      z.object({ studyId: z.uuid(), environmentId: z.uuid(), userId: z.uuid(), opensAt: z.date().nullish(), closesAt: z.date().nullish() }),
    )
    .mutation(async ({ ctx, input }) => {
      if (input.opensAt && input.closesAt && input.opensAt >= input.closesAt) {
        throw new AppError('invalid_input', 'The window closes before it opens. Swap the two times.');
      }
      const assignment = await assign(ctx.db, input, { by: ctx.actor.userId });
      return { assignmentId: assignment.id };
    }),

  /** People who can be given an assignment. */
  candidates: authorised('assignment.write').query(async ({ ctx }) => {
    return await ctx.db.prisma.user.findMany({
      where: { disabledAt: null, role: 'expert' },
      select: { id: true, name: true, email: true },
      orderBy: { name: 'asc' },
    });
  }),
});
