-- CreateTable
CREATE TABLE "public_address" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "url" TEXT NOT NULL,
    "reached_at" TIMESTAMPTZ(3) NOT NULL,
    "failed_at" TIMESTAMPTZ(3),

    CONSTRAINT "public_address_pkey" PRIMARY KEY ("id")
);
