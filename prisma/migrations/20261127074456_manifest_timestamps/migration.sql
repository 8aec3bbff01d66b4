-- AlterTable
ALTER TABLE "recording_manifest" ADD COLUMN     "timestamp_token" BYTEA;
