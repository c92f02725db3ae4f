using System.Runtime.InteropServices;
using RftService.Engine.Native;
using TorchSharp;

namespace RftService.Engine.Rollouts;

/// <summary>
/// Penalties on tokens that a row holds already, as in vLLM (vllm/model_executor/layers/utils.py, `apply_penalties`) and, for the repetition
/// penalty, Hugging Face's RepetitionPenaltyLogitsProcessor (Keskar et al. 2019, arXiv:1909.05858): before the temperature, the repetition
/// penalty first. It looks at prompt and completion; the other two at the completion alone.
/// </summary>
internal sealed class TokenPenalties
{
    private readonly SamplingSpec _spec;
    private readonly Scalar _repetition; // held here, not in Constant: clients send ever new ones

    private TokenPenalties(SamplingSpec spec) => (_spec, _repetition) = (spec, spec.RepetitionPenalty);

    /// <summary>Null when no penalty is set.</summary>
    public static TokenPenalties? Of(SamplingSpec spec) =>
        spec.RepetitionPenalty != 1 || spec.PresencePenalty != 0 || spec.FrequencyPenalty != 0 ? new TokenPenalties(spec) : null;

    /// <summary>Counts of a new row.</summary>
    public TokenCounts CountsOf(IReadOnlyList<int> prompt) => new(_spec.RepetitionPenalty != 1 ? prompt : []);

    /// <summary>Penalized logits, a copy. Only what the rows hold is touched: their tokens are few against the vocabulary.</summary>
    /// <param name="logits">[R, V]</param>
    /// <param name="rows">R of them.</param>
    public torch.Tensor Apply(torch.Tensor logits, IReadOnlyList<TokenCounts> rows)
    {
        var vocabulary = logits.size(1);
        var (places, counts) = (new List<long>(), new List<float>());
        for (var row = 0; row < rows.Count; row++)
        {
            foreach (var (token, count) in rows[row].All)
            {
                places.Add((row * vocabulary) + token);
                counts.Add(count);
            }
        }

        if (places.Count == 0)
        {
            return logits.clone(); // no prompt is counted, and nothing is sampled yet
        }

        var where = torch.tensor(places.ToArray(), device: logits.device);                                          // [M]
        var held = logits.flatten().index_select(0, where);                                                         // [M]
        var penalized = torch.where(held.gt(Constant.Of(0.0)), held / _repetition, held * _repetition);
        var shifts = counts.ConvertAll(count => (float)((_spec.FrequencyPenalty * count) + (count > 0 ? _spec.PresencePenalty : 0)));
        penalized -= torch.tensor(shifts.ToArray(), device: logits.device);
        return logits.flatten().index_copy(0, where, penalized.to_type(logits.dtype)).view_as(logits);
    }
}

/// <summary>The tokens of one row, and how often its completion holds each.</summary>
internal sealed class TokenCounts
{
    private readonly Dictionary<int, int> _counts = [];

    /// <param name="prompt">Counted 0 times: held, yet not in the completion.</param>
    public TokenCounts(IEnumerable<int> prompt)
    {
        foreach (var token in prompt)
        {
            _counts.TryAdd(token, 0);
        }
    }

    public IReadOnlyDictionary<int, int> All => _counts;

    /// <summary>The completion has grown by a token.</summary>
    public void Add(int token) => CollectionsMarshal.GetValueRefOrAddDefault(_counts, token, out _)++;
}
