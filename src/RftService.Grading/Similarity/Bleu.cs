namespace RftService.Grading.Similarity;

/// <summary>How BLEU treats a run length without any match.</summary>
public enum BleuSmoothing
{
    /// <summary>nltk's method0: a score near 0 as soon as no run of four words matches.</summary>
    None,

    /// <summary>nltk's method1: no match counts as a tenth of one.</summary>
    Epsilon,

    /// <summary>nltk's method2: one match is added to every run length above 1.</summary>
    AddOne,
}

/// <summary>BLEU and GLEU of one sentence against one reference, as nltk 3.8 computes them.</summary>
internal static class Bleu
{
    private const int MaxRun = 4;

    // nltk puts the smallest normal double where there is no match.
    private const double NoMatch = 2.2250738585072014e-308;

    /// <summary>nltk.translate.bleu_score.sentence_bleu with equal weights (Papineni et al. 2002).</summary>
    public static double Score(int[] completion, int[] reference, BleuSmoothing smoothing)
    {
        var logarithms = 0.0;
        for (var n = 1; n <= MaxRun; n++)
        {
            double matches = NGrams.Overlap(completion, reference, n);
            double total = Math.Max(1, completion.Length - n + 1);
            if (n == 1 && matches == 0)
            {
                return 0;
            }

            var precision = smoothing switch
            {
                BleuSmoothing.AddOne when n > 1 => (matches + 1) / (total + 1),
                BleuSmoothing.Epsilon when matches == 0 => 0.1 / total,
                _ => matches == 0 ? NoMatch : matches / total,
            };
            logarithms += Math.Log(precision) / MaxRun;
        }

        var brevity = completion.Length > reference.Length ? 1 : Math.Exp(1 - ((double)reference.Length / completion.Length));
        return brevity * Math.Exp(logarithms);
    }

    /// <summary>nltk.translate.gleu_score.sentence_gleu: the smaller of precision and recall over runs of 1 to 4 (Wu et al. 2016).</summary>
    public static double Google(int[] completion, int[] reference)
    {
        int matches = 0, given = 0, wanted = 0;
        for (var n = 1; n <= MaxRun; n++)
        {
            matches += NGrams.Overlap(completion, reference, n);
            given += Math.Max(0, completion.Length - n + 1);
            wanted += Math.Max(0, reference.Length - n + 1);
        }

        return matches == 0 ? 0 : (double)matches / Math.Max(given, wanted);
    }
}
