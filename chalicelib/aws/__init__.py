"""The engine of a deployment: DynamoDB, SQS, Secrets Manager. boto3 lives here and nowhere else."""
