-- CreateTable
CREATE TABLE "build_log" (
    "attempt_id" UUID NOT NULL,
    "first" INTEGER NOT NULL,
    "lines" TEXT[],
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "build_log_pkey" PRIMARY KEY ("attempt_id")
);

-- AddForeignKey
ALTER TABLE "build_log" ADD CONSTRAINT "build_log_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
