"""What a deployment to AWS is made of: the data's stack, what is merged into Chalice's template, and the packaging."""
