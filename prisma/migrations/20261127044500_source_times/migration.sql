-- AlterTable
ALTER TABLE "recording_source" ADD COLUMN     "at_ms" DOUBLE PRECISION;
