-- AlterTable
ALTER TABLE "host" ADD COLUMN     "silent_since" TIMESTAMPTZ(3);
