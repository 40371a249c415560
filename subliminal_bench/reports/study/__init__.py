"""What people read of a study, of an ablation and of a grid."""
