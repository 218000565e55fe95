"""What a report is asked: a folder for each verb. An answer is frozen, and finds its page through `base`."""
