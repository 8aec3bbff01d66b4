-- AlterTable
ALTER TABLE "recording_seal" ADD COLUMN     "taken_out_at" TIMESTAMPTZ(3);

-- A completed attempt's were, before it was completed.
UPDATE "recording_seal" s SET "taken_out_at" = a."completed_at" FROM "attempt" a WHERE a."id" = s."attempt_id" AND a."state" = 'completed';
