-- AlterTable
ALTER TABLE "host" ADD COLUMN     "found_well_at" TIMESTAMPTZ(3);
