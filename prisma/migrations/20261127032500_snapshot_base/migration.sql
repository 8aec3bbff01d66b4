-- AlterTable
ALTER TABLE "workspace_snapshot" ADD COLUMN     "base" TEXT;

-- Each was made on top of the one before.
UPDATE "workspace_snapshot" s SET "base" = before."commit"
FROM "workspace_snapshot" before
WHERE before."attempt_id" = s."attempt_id" AND before."n" = s."n" - 1;
