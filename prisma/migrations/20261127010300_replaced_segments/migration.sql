-- AlterTable
ALTER TABLE "recording_segment" ADD COLUMN     "replaced_object_hash" TEXT;
