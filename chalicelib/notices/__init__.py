"""What people are told: reports of tasks, holds, failures, credentials that expire, digests."""
