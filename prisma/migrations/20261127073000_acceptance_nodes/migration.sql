-- AlterTable
ALTER TABLE "acceptance" ADD COLUMN     "node" TEXT;
