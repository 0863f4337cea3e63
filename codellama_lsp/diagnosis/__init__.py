"""What `doctor` looks at: the installation, the directories, the models, a real engine."""
