-- AlterTable
ALTER TABLE "attempt" ADD COLUMN     "review_ended_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "workspace_removal" (
    "attempt_id" UUID NOT NULL,
    "host_id" UUID NOT NULL,
    "tried_at" TIMESTAMPTZ(3) NOT NULL,
    "problem" TEXT,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "workspace_removal_pkey" PRIMARY KEY ("attempt_id","host_id")
);

-- AddForeignKey
ALTER TABLE "workspace_removal" ADD CONSTRAINT "workspace_removal_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workspace_removal" ADD CONSTRAINT "workspace_removal_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
