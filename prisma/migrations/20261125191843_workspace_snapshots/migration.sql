-- AlterTable
ALTER TABLE "attempt" ADD COLUMN     "last_terminal" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "workspace_snapshot" (
    "attempt_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "commit" TEXT NOT NULL,
    "bundle" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "skipped" JSONB NOT NULL,

    CONSTRAINT "workspace_snapshot_pkey" PRIMARY KEY ("attempt_id","n")
);

-- CreateIndex
CREATE UNIQUE INDEX "workspace_snapshot_attempt_id_bundle_key" ON "workspace_snapshot"("attempt_id", "bundle");

-- AddForeignKey
ALTER TABLE "workspace_snapshot" ADD CONSTRAINT "workspace_snapshot_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
