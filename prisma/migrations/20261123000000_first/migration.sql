-- CreateEnum
CREATE TYPE "Role" AS ENUM ('expert', 'reviewer', 'researcher', 'admin');

-- CreateEnum
CREATE TYPE "StudyKind" AS ENUM ('pilot', 'main', 'qa');

-- CreateEnum
CREATE TYPE "ParticipantKind" AS ENUM ('person', 'agent');

-- CreateEnum
CREATE TYPE "AttemptState" AS ENUM ('scheduled', 'provisioning', 'ready', 'running', 'paused', 'finalising', 'completed', 'void', 'withdrawn');

-- CreateTable
CREATE TABLE "app_user" (
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" "Role" NOT NULL,
    "password_hash" TEXT NOT NULL,
    "disabled_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "app_user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rate_limit" (
    "key" TEXT NOT NULL,
    "window_at" TIMESTAMPTZ(3) NOT NULL,
    "hits" INTEGER NOT NULL,

    CONSTRAINT "rate_limit_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "ticket" (
    "hash" TEXT NOT NULL,
    "user_id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "attempt_id" UUID NOT NULL,
    "purpose" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "ticket_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "study" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" "StudyKind" NOT NULL,
    "limit_ms" INTEGER NOT NULL DEFAULT 28800000,
    "max_pauses" INTEGER NOT NULL DEFAULT 12,
    "max_pause_ms" INTEGER NOT NULL DEFAULT 5400000,
    "max_pause_total_ms" INTEGER NOT NULL DEFAULT 21600000,
    "ai_tool_level" TEXT NOT NULL DEFAULT 'chat',
    "pay_cents" INTEGER,
    "currency" TEXT NOT NULL DEFAULT 'USD',
    "onboarding" TEXT NOT NULL DEFAULT '',
    "frozen_at" TIMESTAMPTZ(3),
    "frozen_hash" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "study_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "environment" (
    "id" UUID NOT NULL,
    "family" TEXT NOT NULL,
    "task" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "family_dir" TEXT NOT NULL,
    "content_hash" TEXT NOT NULL,
    "settings" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "environment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "study_environment" (
    "study_id" UUID NOT NULL,
    "environment_id" UUID NOT NULL,

    CONSTRAINT "study_environment_pkey" PRIMARY KEY ("study_id","environment_id")
);

-- CreateTable
CREATE TABLE "participant" (
    "id" UUID NOT NULL,
    "kind" "ParticipantKind" NOT NULL DEFAULT 'person',
    "user_id" UUID,
    "participant_group" TEXT NOT NULL DEFAULT 'unknown',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "participant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "assignment" (
    "id" UUID NOT NULL,
    "study_id" UUID NOT NULL,
    "participant_id" UUID NOT NULL,
    "environment_id" UUID NOT NULL,
    "score_visible" BOOLEAN,
    "opens_at" TIMESTAMPTZ(3),
    "closes_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "assignment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "attempt" (
    "id" UUID NOT NULL,
    "assignment_id" UUID NOT NULL,
    "state" "AttemptState" NOT NULL DEFAULT 'scheduled',
    "end_reason" TEXT,
    "limit_ms" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ready_at" TIMESTAMPTZ(3),
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "completed_at" TIMESTAMPTZ(3),
    "progress" TEXT,
    "progress_fraction" DOUBLE PRECISION,
    "clock_n" INTEGER NOT NULL DEFAULT 0,
    "deadline_at" TIMESTAMPTZ(3),
    "epoch" BIGINT NOT NULL DEFAULT 0,
    "link_heartbeat_at" TIMESTAMPTZ(3),
    "link_gap_ms" INTEGER NOT NULL DEFAULT 0,
    "runner_token_hash" TEXT,
    "runner_placement" JSONB,
    "isolation" TEXT,
    "freeze_method" TEXT,
    "last_seq" BIGINT NOT NULL DEFAULT 0,
    "sealed_seq" BIGINT NOT NULL DEFAULT 0,
    "raw_bytes" BIGINT NOT NULL DEFAULT 0,
    "outbox_n" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "attempt_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "clock_event" (
    "attempt_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "by_user_id" UUID,

    CONSTRAINT "clock_event_pkey" PRIMARY KEY ("attempt_id","n")
);

-- CreateTable
CREATE TABLE "pause" (
    "id" UUID NOT NULL,
    "attempt_id" UUID NOT NULL,
    "reason" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(6) NOT NULL,
    "ended_at" TIMESTAMPTZ(6),

    CONSTRAINT "pause_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "score" (
    "id" UUID NOT NULL,
    "attempt_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "trigger" TEXT NOT NULL,
    "requested_at" TIMESTAMPTZ(6) NOT NULL,
    "elapsed_ms" INTEGER NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'running',
    "score" DOUBLE PRECISION,
    "message" JSONB,
    "details" JSONB,
    "output" TEXT,
    "duration_ms" INTEGER,
    "finished_at" TIMESTAMPTZ(6),
    "scorer_hash" TEXT,
    "submission_hash" TEXT,
    "submission_hash_after" TEXT,
    "of_score_id" UUID,
    "rolled_back" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "score_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "note" (
    "attempt_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "elapsed_ms" INTEGER NOT NULL,
    "text" TEXT NOT NULL,

    CONSTRAINT "note_pkey" PRIMARY KEY ("attempt_id","n")
);

-- CreateTable
CREATE TABLE "recording_outbox" (
    "attempt_id" UUID NOT NULL,
    "n" BIGINT NOT NULL,
    "type" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "recording_outbox_pkey" PRIMARY KEY ("attempt_id","n")
);

-- CreateTable
CREATE TABLE "recording_tail" (
    "attempt_id" UUID NOT NULL,
    "first_seq" BIGINT NOT NULL,
    "last_seq" BIGINT NOT NULL,
    "epoch" BIGINT NOT NULL,
    "raw_bytes" INTEGER NOT NULL,
    "batch" BYTEA NOT NULL,

    CONSTRAINT "recording_tail_pkey" PRIMARY KEY ("attempt_id","first_seq")
);

-- CreateTable
CREATE TABLE "recording_source" (
    "attempt_id" UUID NOT NULL,
    "source" TEXT NOT NULL,
    "mark" BIGINT NOT NULL,

    CONSTRAINT "recording_source_pkey" PRIMARY KEY ("attempt_id","source")
);

-- CreateTable
CREATE TABLE "recording_segment" (
    "attempt_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "first_seq" BIGINT NOT NULL,
    "last_seq" BIGINT NOT NULL,
    "min_at_ms" DOUBLE PRECISION NOT NULL,
    "max_at_ms" DOUBLE PRECISION NOT NULL,
    "object_hash" TEXT NOT NULL,
    "object_bytes" INTEGER NOT NULL,
    "raw_bytes" INTEGER NOT NULL,
    "root" TEXT NOT NULL,
    "previous_root" TEXT NOT NULL,
    "keyframes" JSONB NOT NULL,
    "sealed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recording_segment_pkey" PRIMARY KEY ("attempt_id","n")
);

-- CreateTable
CREATE TABLE "recording_key" (
    "attempt_id" UUID NOT NULL,
    "wrapped" BYTEA,
    "destroyed_at" TIMESTAMPTZ(3),

    CONSTRAINT "recording_key_pkey" PRIMARY KEY ("attempt_id")
);

-- CreateTable
CREATE TABLE "recording_blob" (
    "attempt_id" UUID NOT NULL,
    "hash" TEXT NOT NULL,
    "object_hash" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recording_blob_pkey" PRIMARY KEY ("attempt_id","hash")
);

-- CreateTable
CREATE TABLE "recording_manifest" (
    "attempt_id" UUID NOT NULL,
    "manifest" TEXT NOT NULL,
    "signature" TEXT NOT NULL,
    "signed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recording_manifest_pkey" PRIMARY KEY ("attempt_id")
);

-- CreateTable
CREATE TABLE "export" (
    "id" UUID NOT NULL,
    "requested_by" UUID,
    "attempt_ids" JSONB NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'queued',
    "progress" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "error" TEXT,
    "object_hash" TEXT,
    "bytes" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "export_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_entry" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "user_id" UUID,
    "act" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "before" JSONB,
    "after" JSONB,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "process_heartbeat" (
    "name" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "version" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "process_heartbeat_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE UNIQUE INDEX "app_user_email_key" ON "app_user"("email");

-- CreateIndex
CREATE INDEX "session_user_id_idx" ON "session"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "study_name_key" ON "study"("name");

-- CreateIndex
CREATE UNIQUE INDEX "environment_family_task_version_content_hash_key" ON "environment"("family", "task", "version", "content_hash");

-- CreateIndex
CREATE UNIQUE INDEX "participant_user_id_key" ON "participant"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "assignment_study_id_participant_id_environment_id_key" ON "assignment"("study_id", "participant_id", "environment_id");

-- CreateIndex
CREATE UNIQUE INDEX "attempt_assignment_id_key" ON "attempt"("assignment_id");

-- CreateIndex
CREATE INDEX "attempt_state_idx" ON "attempt"("state");

-- CreateIndex
CREATE INDEX "pause_attempt_id_idx" ON "pause"("attempt_id");

-- CreateIndex
CREATE UNIQUE INDEX "score_attempt_id_n_key" ON "score"("attempt_id", "n");

-- CreateIndex
CREATE INDEX "audit_entry_subject_idx" ON "audit_entry"("subject");

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "app_user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ticket" ADD CONSTRAINT "ticket_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "app_user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ticket" ADD CONSTRAINT "ticket_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ticket" ADD CONSTRAINT "ticket_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "study_environment" ADD CONSTRAINT "study_environment_study_id_fkey" FOREIGN KEY ("study_id") REFERENCES "study"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "study_environment" ADD CONSTRAINT "study_environment_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "participant" ADD CONSTRAINT "participant_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "app_user"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "assignment" ADD CONSTRAINT "assignment_study_id_fkey" FOREIGN KEY ("study_id") REFERENCES "study"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "assignment" ADD CONSTRAINT "assignment_participant_id_fkey" FOREIGN KEY ("participant_id") REFERENCES "participant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "assignment" ADD CONSTRAINT "assignment_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attempt" ADD CONSTRAINT "attempt_assignment_id_fkey" FOREIGN KEY ("assignment_id") REFERENCES "assignment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "clock_event" ADD CONSTRAINT "clock_event_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pause" ADD CONSTRAINT "pause_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "score" ADD CONSTRAINT "score_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "note" ADD CONSTRAINT "note_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recording_outbox" ADD CONSTRAINT "recording_outbox_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recording_tail" ADD CONSTRAINT "recording_tail_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recording_source" ADD CONSTRAINT "recording_source_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recording_segment" ADD CONSTRAINT "recording_segment_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recording_key" ADD CONSTRAINT "recording_key_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recording_blob" ADD CONSTRAINT "recording_blob_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recording_manifest" ADD CONSTRAINT "recording_manifest_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
