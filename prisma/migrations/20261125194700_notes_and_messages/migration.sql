-- AlterTable
ALTER TABLE "note" ADD COLUMN     "kind" TEXT NOT NULL DEFAULT 'note';

-- CreateTable
CREATE TABLE "message" (
    "attempt_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "author" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "text" TEXT NOT NULL,

    CONSTRAINT "message_pkey" PRIMARY KEY ("attempt_id","n")
);

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
