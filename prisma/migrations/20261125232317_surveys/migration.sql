-- CreateTable
CREATE TABLE "survey" (
    "attempt_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "expectation" TEXT NOT NULL,
    "difficulty" INTEGER NOT NULL,
    "problems" TEXT NOT NULL,
    "off_clock_minutes" INTEGER NOT NULL,

    CONSTRAINT "survey_pkey" PRIMARY KEY ("attempt_id")
);

-- AddForeignKey
ALTER TABLE "survey" ADD CONSTRAINT "survey_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
