-- AlterTable
ALTER TABLE "attempt" ADD COLUMN     "network" TEXT;
