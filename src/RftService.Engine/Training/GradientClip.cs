using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>Clipping by the global norm (Pascanu et al. 2013, arXiv:1211.5063).</summary>
internal static class GradientClip
{
    /// <summary>Scales gradients down to <paramref name="maxNorm"/> in place.</summary>
    /// <returns>The norm before clipping; when it is not finite, nothing was changed.</returns>
    public static double Apply(Tensor[] gradients, double maxNorm)
    {
        var norm = FusedKernels.Norm(gradients);
        if (double.IsFinite(norm) && norm > maxNorm)
        {
            FusedKernels.Scale(gradients, maxNorm / norm);
        }

        return norm;
    }
}
