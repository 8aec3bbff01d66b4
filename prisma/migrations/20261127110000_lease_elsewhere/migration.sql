-- AlterTable
ALTER TABLE "lease" ADD COLUMN     "elsewhere" TEXT;
