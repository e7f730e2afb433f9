"""What makers and moderators are told: mail, and whatever follows."""
