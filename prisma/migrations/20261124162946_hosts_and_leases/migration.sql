-- CreateTable
CREATE TABLE "host" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "placement" TEXT NOT NULL,
    "isolation" TEXT NOT NULL,
    "settings" JSONB NOT NULL,
    "inventory" JSONB,
    "checked_at" TIMESTAMPTZ(3),
    "drained_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "host_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "lease" (
    "id" UUID NOT NULL,
    "attempt_id" UUID NOT NULL,
    "host_id" UUID,
    "state" TEXT NOT NULL DEFAULT 'queued',
    "gpu_count" INTEGER NOT NULL DEFAULT 0,
    "gpu_model" TEXT,
    "gpu_ids" JSONB NOT NULL DEFAULT '[]',
    "cpus" DOUBLE PRECISION,
    "memory_bytes" BIGINT,
    "exclusive" BOOLEAN NOT NULL DEFAULT false,
    "wait_reason" TEXT,
    "wait_ahead" INTEGER,
    "requested_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "granted_at" TIMESTAMPTZ(3),
    "renewed_at" TIMESTAMPTZ(3),
    "ends_at" TIMESTAMPTZ(3),
    "released_at" TIMESTAMPTZ(3),
    "release_cause" TEXT,

    CONSTRAINT "lease_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "acceptance" (
    "id" UUID NOT NULL,
    "attempt_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "passed" BOOLEAN NOT NULL,
    "report" JSONB NOT NULL,
    "profile" TEXT NOT NULL,

    CONSTRAINT "acceptance_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "calibration" (
    "id" UUID NOT NULL,
    "environment_id" UUID NOT NULL,
    "profile" TEXT NOT NULL,
    "solution" TEXT NOT NULL,
    "scores" JSONB NOT NULL,
    "mean" DOUBLE PRECISION NOT NULL,
    "sd" DOUBLE PRECISION NOT NULL,
    "n" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "calibration_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "host_name_key" ON "host"("name");

-- CreateIndex
CREATE INDEX "lease_attempt_id_idx" ON "lease"("attempt_id");

-- CreateIndex
CREATE INDEX "lease_host_id_state_idx" ON "lease"("host_id", "state");

-- CreateIndex
CREATE INDEX "acceptance_attempt_id_idx" ON "acceptance"("attempt_id");

-- CreateIndex
CREATE INDEX "calibration_environment_id_profile_idx" ON "calibration"("environment_id", "profile");

-- AddForeignKey
ALTER TABLE "lease" ADD CONSTRAINT "lease_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "lease" ADD CONSTRAINT "lease_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "acceptance" ADD CONSTRAINT "acceptance_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "calibration" ADD CONSTRAINT "calibration_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What Prisma's schema cannot say: an attempt holds or waits for one lease at a time.
CREATE UNIQUE INDEX "lease_one_live" ON "lease"("attempt_id") WHERE "state" <> 'released';
