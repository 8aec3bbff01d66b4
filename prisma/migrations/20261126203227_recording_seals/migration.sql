-- CreateTable
CREATE TABLE "recording_seal" (
    "attempt_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "from_ms" DOUBLE PRECISION NOT NULL,
    "to_ms" DOUBLE PRECISION NOT NULL,
    "reason" TEXT NOT NULL,

    CONSTRAINT "recording_seal_pkey" PRIMARY KEY ("attempt_id","n")
);

-- AddForeignKey
ALTER TABLE "recording_seal" ADD CONSTRAINT "recording_seal_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
