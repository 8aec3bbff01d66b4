-- AlterTable
ALTER TABLE "lease" ADD COLUMN     "root_scorer" BOOLEAN NOT NULL DEFAULT false;
