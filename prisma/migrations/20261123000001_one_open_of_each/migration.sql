-- What Prisma's schema cannot say. An attempt is paused once at a time, and has one score running at a time.
CREATE UNIQUE INDEX "pause_one_open" ON "pause"("attempt_id") WHERE "ended_at" IS NULL;
CREATE UNIQUE INDEX "score_one_running" ON "score"("attempt_id") WHERE "status" = 'running';
